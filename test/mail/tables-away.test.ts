/** Tables whose server is away: a temporary failure for what needs them, in Postfix's words, and nothing else. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const FILES = {
  'pgsql.cf': 'hosts = 127.0.0.1:1\ndbname = mail\nuser = x\nquery = SELECT 1\ndomain = virtual.test\n',
  'mysql.cf': 'hosts = 127.0.0.1:1\ndbname = mail\nuser = x\nquery = SELECT 1\ndomain = virtual.test\n',
  'ldap.cf': 'server_host = 127.0.0.1:1\nsearch_base = dc=x\nquery_filter = mail=%s\ndomain = virtual.test\n',
}

const SAID: Readonly<Record<string, RegExp>> = {
  pgsql:
    /warning: connect to pgsql server 127.0.0.1:1: connection to server at "127.0.0.1", port 1 failed: Connection refused/,
  mysql: /warning: connect to mysql server 127.0.0.1:1: Can't connect to server on '127.0.0.1' \(111\)/,
  ldap: /warning: dict_ldap_connect: Unable to bind to server ldap:\/\/127.0.0.1:1 with dn empty or implicit: -1 \(Can't contact LDAP server\)/,
}

for (const type of ['pgsql', 'mysql', 'ldap'])
  test(`${type}: while the server is away, mail that needs it is deferred, other mail is not`, async (t) => {
    const table = `${type}:$config_directory/${type}.cf`
    const server = await startServer(t, {
      accounts: ['ana'],
      mainCf: `virtual_alias_domains = virtual.test\nvirtual_alias_maps = ${table}\n`,
      files: FILES,
    })
    await transcript(
      server.port('smtp'),
      `S: 220 …
      C: HELO x
      S: 250 …
      C: MAIL FROM:<a@b.test>
      S: 250 2.1.0 Ok
      C: RCPT TO:<x@virtual.test>
      S: 451 4.3.0 <x@virtual.test>: Temporary lookup failure
      C: RCPT TO:<ana@mail.example.test>
      S: 250 2.1.5 Ok`,
    )
    const said = SAID[type]
    if (said !== undefined) await server.logged(said)
  })

test('socketmap: a server that comes is asked, over a connection that a reload closes', async (t) => {
  const sockets = new Set<Socket>()
  const service = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', () => socket.write('24:OK ana@mail.example.test,'))
  })
  t.after(() => service.close())
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf:
      'virtual_alias_domains = virtual.test\nvirtual_alias_maps = socketmap:unix:$config_directory/socket:aliases\n',
  })
  const ask = (reply: string): Promise<void> =>
    transcript(
      server.port('smtp'),
      `S: 220 …\nC: HELO x\nS: 250 …\nC: MAIL FROM:<a@b.test>\nS: 250 2.1.0 Ok\nC: RCPT TO:<x@virtual.test>\nS: ${reply}`,
    )
  await ask('451 4.3.0 <x@virtual.test>: Temporary lookup failure')
  await server.logged(/socketmap:unix:.*: No such file or directory/)
  await new Promise<void>((done) => service.listen(join(server.dir, 'socket'), done))
  await ask('250 2.1.5 Ok')
  assert.equal(sockets.size, 1)
  const [socket] = sockets
  assert.ok(socket)
  const closed = once(socket, 'close')
  assert.equal(await server.server.reload(), undefined)
  await closed
  await ask('250 2.1.5 Ok')
})
