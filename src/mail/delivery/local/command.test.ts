import assert from 'node:assert/strict'
import { test } from 'node:test'
import { argvOf, type CommandRequest, deliverToCommand, environmentOf } from './command.ts'
import { anAddressee, aUser, settings } from './fixture.test.ts'
import { runAsChild } from './run-as.ts'
import type { RecipientResult } from '../../queue/mod.ts'

test('a shell is used only where the command needs one', () => {
  const table: [string, readonly string[]][] = [
    ['/usr/bin/procmail', ['/usr/bin/procmail']],
    ['/usr/bin/prog  -a b', ['/usr/bin/prog', '-a', 'b']],
    ['cat -u', ['cat', '-u']],
    ['/usr/bin/procmail -a "$EXTENSION"', ['sh', '-c', '/usr/bin/procmail -a "$EXTENSION"']],
    ['exit 75', ['sh', '-c', 'exit 75']],
    ['', ['sh', '-c', '']],
  ]
  for (const [command, argv] of table) assert.deepEqual(argvOf(command, ''), argv, command)
  assert.deepEqual(argvOf('a b', '/bin/smrsh -c'), ['/bin/smrsh', '-c', 'a b'])
})

test('the environment is local(8)’s', () => {
  const client = {
    address: '192.0.2.1',
    name: 'client.test',
    helo: 'h`e',
    protocol: 'ESMTP',
    saslMethod: 'PLAIN',
    saslSender: '',
  }
  const to = anAddressee({ extension: 'x', local: 'ana+x', original: 'team', client, saslUsername: 'ana' })
  const rights = { uid: 1, gid: 1, home: '/home/ana', shell: '/bin/sh' }
  const own = { TZ: undefined, MAIL_CONFIG: '/etc/postfix' }
  assert.deepEqual(environmentOf(to, rights, own, settings('export_environment = MAIL_CONFIG, A=b, TZ, LANG\n')), {
    MAIL_CONFIG: '/etc/postfix',
    A: 'b',
    LANG: 'C',
    HOME: '/home/ana',
    SHELL: '/bin/sh',
    LOGNAME: 'ana',
    USER: 'ana',
    SENDER: 'sender@else.test',
    RECIPIENT: 'ana@mail.example.test',
    LOCAL: 'ana+x',
    DOMAIN: 'mail.example.test',
    EXTENSION: 'x',
    ORIGINAL_RECIPIENT: 'team',
    CLIENT_HOSTNAME: 'client.test',
    CLIENT_ADDRESS: '192.0.2.1',
    CLIENT_HELO: 'h_e',
    CLIENT_PROTOCOL: 'ESMTP',
    SASL_METHOD: 'PLAIN',
    SASL_USERNAME: 'ana',
    PATH: '/usr/bin:/bin',
  })
  const bare = environmentOf(anAddressee({}), { uid: 1, gid: 1 }, own, settings())
  assert.equal('HOME' in bare || 'EXTENSION' in bare, false)
})

test('commands run as the user, in time, with a bounded output', async (t) => {
  const user = aUser(t)
  const run = (command: string, cf = ''): Promise<RecipientResult> => {
    const request: CommandRequest = {
      command,
      to: anAddressee({}),
      rights: user,
      copy: [Buffer.from('From x\n'), Buffer.alloc(1024 * 1024, 'y')],
      own: { TZ: undefined, MAIL_CONFIG: '/' },
    }
    return deliverToCommand(runAsChild, request, settings(cf))
  }
  const table: [string, string, string, string?][] = [
    ['sent', '2.0.0', 'exit 0'],
    ['sent', '2.0.0', `test "$(id -u)" = ${user.uid}`],
    ['sent', '2.0.0', `test "$(wc -c)" = 1048583`],
    ['sent', '2.0.0', `test "$PWD" = ${user.home}`, 'command_execution_directory = $home\n'],
    ['deferred', '4.3.5', 'exit 0', 'command_execution_directory = ${home\n'],
    [
      'deferred',
      '4.3.0',
      'exit 0',
      'command_execution_directory = $home\nexecution_directory_expansion_filter = abc\n',
    ],
    ['bounced', '5.3.0', 'exit 0', "local_command_shell = /bin/sh -c 'exit 76'\n"],
    ['deferred', '4.3.0', 'kill -9 $$'],
    ['deferred', '4.3.0', '/nonexistent/cmd a'],
    ['bounced', '5.3.0', 'sleep 20', 'command_time_limit = 1s\n'],
  ]
  for (const [status, dsn, command, cf = ''] of table) {
    const result = await run(command, cf)
    assert.deepEqual([result.status, result.dsn], [status, dsn], `${command}: ${result.text}`)
  }
  const long = await run('yes | head -c 100000; exit 1')
  assert.ok(long.text.length < 4300)
})

test('nothing runs as root, and only root runs things for others', async () => {
  const request = { gid: 1, argv: ['/bin/true'], env: {}, cwd: '/', input: [], timeLimitMs: 1000 }
  const refused = await runAsChild({ ...request, uid: 0 })
  assert.deepEqual(refused, { ended: 'refused', text: 'commands are never run as root' })
})
