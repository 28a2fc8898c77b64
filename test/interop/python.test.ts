import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from '../support/client.ts'
import { DOMAIN, PASSWORD, startServer } from '../support/server.ts'

const SCRIPT = `
import imaplib, poplib, smtplib, ssl, sys
smtp, submission, imap, imaps, pop3, pop3s = map(int, sys.argv[1:7])
domain, password = sys.argv[7:9]
tls = ssl._create_unverified_context()
message = b'From: ana@' + domain.encode() + b'\\r\\nSubject: python\\r\\nMessage-Id: <1@x>\\r\\nDate: Tue, 24 Nov 2026 10:00:00 +0000\\r\\n\\r\\n.\\r\\n..dots\\r\\n\\xc3\\xb1and\\xc3\\xba\\r\\n' + b'x' * 900 + b'\\r\\n'
s = smtplib.SMTP('127.0.0.1', submission)
s.starttls(context=tls)
s.login('ana', password)
s.sendmail('ana@' + domain, ['eva@' + domain], message)
s.quit()
m = imaplib.IMAP4_SSL('127.0.0.1', imaps, ssl_context=tls)
m.login('eva', password)
m.select('INBOX')
typ, data = m.search(None, 'SUBJECT', 'python')
assert data == [b'1'], data
typ, data = m.fetch('1', '(FLAGS BODY.PEEK[])')
got = data[0][1]
assert got.endswith(message), got
assert b'\\\\Seen' not in data[0][0] + data[1]
typ, data = m.append('Archive', '(\\\\Flagged custom)', '"24-Nov-2026 10:00:00 +0100"', message)
assert typ == 'OK', data
typ, data = m.store('1', '+FLAGS', '(\\\\Answered)')
assert b'Answered' in data[0], data
typ, data = m.copy('1', 'Archive')
assert typ == 'OK'
m.select('Archive')
typ, data = m.fetch('1:2', '(UID FLAGS RFC822.SIZE INTERNALDATE)')
assert b'custom' in data[0] and (b'24-Nov-2026 09:00:00 +0000' in data[0] or b'10:00:00 +0100' in data[0]), data
assert b'Answered' in data[1], data
m.store('1', '+FLAGS', '(\\\\Deleted)')
typ, data = m.expunge()
assert data == [b'1'], data
typ, data = m.create('Nested/Deep')
assert typ == 'OK', data
typ, data = m.list('""', 'Nested*')
assert len(data) == 2, data
m.rename('Nested', 'Moved')
typ, data = m.list('""', 'Moved/%')
assert b'Moved/Deep' in data[0], data
m.logout()
p = poplib.POP3('127.0.0.1', pop3)
p.stls(context=tls)
p.user('eva'); p.pass_(password)
assert p.stat()[0] == 1
lines = p.retr(1)[1]
assert b'\\r\\n'.join(lines).endswith(message.rstrip(b'\\r\\n')), lines[-5:]
top = p.top(1, 1)[1]
assert top[-1] == b'.', top
uidl = p.uidl()[1]
p.dele(1); p.rset(); p.quit()
p = poplib.POP3_SSL('127.0.0.1', pop3s, context=tls)
p.user('eva'); p.pass_(password)
assert p.uidl()[1] == uidl
p.dele(1); p.quit()
p = poplib.POP3('127.0.0.1', pop3); p.user('eva'); p.pass_(password)
assert p.stat()[0] == 0
p.quit()
print('all well')
`

const SHARING = `
import imaplib, sys
port, password = int(sys.argv[1]), sys.argv[2]
ana = imaplib.IMAP4('127.0.0.1', port); ana.login('ana', password)
eva = imaplib.IMAP4('127.0.0.1', port); eva.login('eva', password)
assert eva.namespace()[1] == [b'(("" "/")) (("Other Users/" "/")) (("Shared/" "/"))'], eva.namespace()
box = '"Other Users/ana/Projects"'
assert ana.create('Projects')[0] == 'OK'
assert ana.append('Projects', None, None, b'Subject: plan\\r\\n\\r\\nbody\\r\\n')[0] == 'OK'
assert eva.select(box)[0] == 'NO'
assert ana.setacl('Projects', 'eva', 'lrsw')[0] == 'OK'
assert ana.getacl('Projects')[1] == [b'"Projects" ana lrswipkxteacd eva lrsw'], ana.getacl('Projects')
assert eva.myrights(box)[1] == [b'"Other Users/ana/Projects" lrsw']
assert eva.select(box)[1] == [b'1']
assert b'plan' in eva.fetch('1', '(BODY[])')[1][0][1]
assert eva.search(None, 'SEEN')[1] == [b'1']
ana.select('Projects')
assert ana.search(None, 'SEEN')[1] == [b'']
assert eva.store('1', '+FLAGS', '(\\\\Deleted)')[0] == 'NO'
assert ana.deleteacl('Projects', 'eva')[0] == 'OK'
print('all well')
`

test('imaplib shares a mailbox, and reads one that is shared', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'] })
  const ran = await run('python3', ['-c', SHARING, String(server.port('imap')), PASSWORD])
  assert.equal(ran.out, 'all well\n', ran.err)
})

const COMPRESSED = `
import imaplib, ssl, sys, zlib
class Deflated:
    def __init__(self, sock):
        self.sock = sock
        self.out = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.into = zlib.decompressobj(-15)
        self.buf = b''
    def sendall(self, data):
        self.sock.sendall(self.out.compress(data) + self.out.flush(zlib.Z_SYNC_FLUSH))
    def more(self):
        octets = self.sock.recv(65536)
        if not octets: raise EOFError
        self.buf += self.into.decompress(octets)
    def read(self, size):
        while len(self.buf) < size: self.more()
        data, self.buf = self.buf[:size], self.buf[size:]
        return data
    def readline(self):
        while b'\\n' not in self.buf: self.more()
        return self.read(self.buf.index(b'\\n') + 1)
imaplib.Commands['COMPRESS'] = ('AUTH', 'SELECTED')
m = imaplib.IMAP4_SSL('127.0.0.1', int(sys.argv[1]), ssl_context=ssl._create_unverified_context())
m.login('ana', sys.argv[2])
assert 'COMPRESS=DEFLATE' in m.capability()[1][0].decode()
typ, data = m._simple_command('COMPRESS', 'DEFLATE')
assert typ == 'OK', data
deflated = Deflated(m.sock)
m.read, m.readline, m.send = deflated.read, deflated.readline, deflated.sendall
message = b'Subject: deflated\\r\\n\\r\\n' + b''.join(b'line %d\\r\\n' % i for i in range(20000))
assert m.append('INBOX', None, None, message)[0] == 'OK'
m.select('INBOX')
typ, data = m.fetch('1', '(BODY[])')
assert data[0][1] == message
typ, data = m.search(None, 'TEXT', 'deflated')
assert data == [b'1'], data
m.close()
m.logout()
print('all well')
`

test("Python's imaplib and zlib speak COMPRESS=DEFLATE inside TLS", async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ran = await run('python3', ['-c', COMPRESSED, String(server.port('imaps')), PASSWORD])
  assert.equal(ran.out, 'all well\n', ran.err)
})

test("Python's smtplib, imaplib and poplib", async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'] })
  const ports = ['smtp', 'submission', 'imap', 'imaps', 'pop3', 'pop3s'].map((name) => String(server.port(name)))
  const ran = await run('python3', ['-c', SCRIPT, ...ports, DOMAIN, PASSWORD])
  assert.equal(ran.out, 'all well\n', ran.err)
})
