/** Whole sessions against a server of this process: every octet gets an answer or the end, and nothing is called a defect. */
import { connect } from 'node:net'
import { join } from 'node:path'
import { listen } from '#src/base/mod.ts'
import { startServer } from '../../support/server.ts'
import { octets, type Reading, type Target } from '../target.ts'

/** How long a session may say nothing: it has the whole input by then, and its end. */
const SILENCE_MS = 60_000
const HELLO = '\r\nEHLO client.test\r\n'

interface Session {
  readonly name: string
  /** The service whose port is asked; or a file below the server's directory. */
  readonly service: string
  /** Said before the input, so that it meets a session that has come far. */
  readonly before: string
  readonly corpus: readonly string[]
  readonly words: readonly string[]
}

const MESSAGE = 'Subject: a\r\n\r\nb\r\n'

const SESSIONS: readonly Session[] = [
  {
    name: 'smtp-session',
    service: 'smtp',
    before: `EHLO client.test\r\nAUTH PLAIN ${Buffer.from('\0ana\0secret').toString('base64')}\r\n`,
    corpus: [
      `MAIL FROM:<ana@mail.example.test> SIZE=10\r\nRCPT TO:<ana@mail.example.test> NOTIFY=NEVER\r\nDATA\r\n${MESSAGE}.\r\n`,
      `MAIL FROM:<>\r\nRCPT TO:<ana+x>\r\nBDAT ${MESSAGE.length} LAST\r\n${MESSAGE}`,
      'RSET\r\nVRFY ana\r\nNOOP x\r\nHELP\r\nETRN x\r\nEXPN a\r\nBURL x\r\nXCLIENT NAME=a ADDR=b\r\nQUIT\r\n',
      `AUTH LOGIN\r\n*\r\nSTARTTLS\r\n${HELLO}`,
    ],
    words: [
      'MAIL FROM:<',
      'RCPT TO:<',
      'DATA\r\n',
      '\r\n.\r\n',
      'BDAT 5\r\n',
      'BDAT 0 LAST\r\n',
      'RSET\r\n',
      '\r\n',
      'AUTH ',
    ],
  },
  {
    name: 'imap-session',
    service: 'imap',
    before: 'a LOGIN ana secret\r\nb SELECT INBOX\r\n',
    corpus: [
      `c APPEND INBOX (\\Seen) {${MESSAGE.length}+}\r\n${MESSAGE}\r\nd FETCH 1:* (FLAGS BODY[] BODYSTRUCTURE ENVELOPE)\r\n`,
      'e STORE 1 +FLAGS (\\Deleted x)\r\nf UID EXPUNGE 1\r\ng COPY 1 Other\r\nh CREATE Other/b\r\ni RENAME Other Z\r\nj DELETE Z/b\r\n',
      'k LIST (SUBSCRIBED) "" (% "*") RETURN (STATUS (MESSAGES SIZE) CHILDREN)\r\nl STATUS INBOX (UIDNEXT)\r\nm NAMESPACE\r\n',
      'n UID SEARCH RETURN (ALL) OR SEEN SUBJECT a\r\no SORT (ARRIVAL) UTF-8 ALL\r\np THREAD REFERENCES UTF-8 ALL\r\n',
      'q SETACL Other anyone lr\r\nr GETACL Other\r\ns SETMETADATA INBOX (/private/comment "x")\r\nt GETMETADATA INBOX /private/comment\r\n',
      'u ENABLE QRESYNC UTF8=ACCEPT\r\nv SELECT INBOX (QRESYNC (1 1 1:*))\r\nw IDLE\r\nDONE\r\nx ID ("name" NIL)\r\ny NOTIFY NONE\r\n',
      'z GETQUOTAROOT INBOX\r\naa GENURLAUTH "imap://ana@mail.example.test/INBOX/;UID=1;URLAUTH=anonymous" INTERNAL\r\nab LOGOUT\r\n',
      'ac AUTHENTICATE PLAIN\r\n*\r\nad UNSELECT\r\nae CONVERSIONS\r\naf COMPARATOR "i;octet"\r\nag LANGUAGE es\r\n',
    ],
    words: [
      '{3}\r\n',
      '{3+}\r\nabc',
      '(',
      ')',
      '"',
      '\r\n',
      '\\Seen ',
      'UID ',
      '1:* ',
      'BODY[1]',
      ' NIL',
      '*',
      '%',
      '../',
      '&AAA-',
    ],
  },
  {
    name: 'pop3-session',
    service: 'pop3',
    before: 'USER ana\r\nPASS secret\r\n',
    corpus: [
      'STAT\r\nLIST\r\nUIDL 1\r\nTOP 1 0\r\nRETR 1\r\nDELE 1\r\nRSET\r\nNOOP\r\n',
      'CAPA\r\nUTF8\r\nLANG es\r\nLAST\r\nQUIT\r\n',
    ],
    words: ['RETR ', 'TOP ', ' -1', ' 4294967296', '\r\n', 'USER ', 'PASS ', 'AUTH PLAIN\r\n', 'APOP a b\r\n'],
  },
  {
    name: 'control-session',
    service: 'data/postigo/control',
    before: '',
    corpus: [
      '{"command":"status"}\n',
      '{"command":"queue-list"}\n',
      '{"command":"queue-act","act":"hold","ids":["ALL"]}\n',
      '{"command":"queue-message","id":"3ZQ1"}\n',
      '{"command":"postfix-queue-take","paths":["/etc/passwd"]}\n',
      '{"command":"why","id":"x"}\n',
      '{"command":"mailbox-export","account":"ana"}\n',
      '{"command":"deliver","proof":"x"}\n',
    ],
    words: ['"command":"', '"ids":', '[', '{', '"../', '\\u0000', '-1', '1e999', 'null', '__proto__'],
  },
]

/** Server and sessions of one target; several targets may be open one after the other. */
async function open({ service, before }: Session): Promise<Reading> {
  const ends: (() => unknown)[] = []
  const server = await startServer(
    { after: (end: () => unknown) => void ends.unshift(end) },
    {
      accounts: ['ana'],
      mainCf: 'imapd_line_limit = 70000\nsmtpd_hard_error_limit = 10\nsmtpd_client_restrictions =\n',
    },
  )
  const defects: unknown[] = []
  ends.unshift(listen((event) => event.event.endsWith('.defect') && defects.push(event)))
  const at = service.includes('/') ? join(server.dir, service) : server.port(service)
  return {
    async read(input) {
      const said = await speak(at, Buffer.concat([octets(before), input]))
      const [defect] = defects.splice(0)
      if (typeof defect === 'object' && defect !== null && 'error' in defect) throw defect.error
      return said
    },
    async close() {
      for (const end of ends) await end()
    },
  }
}

/** Says all at once and takes what comes, as kinds of answers. */
function speak(at: number | string, input: Buffer): Promise<string[]> {
  const socket = typeof at === 'string' ? connect(at) : connect(at, '127.0.0.1')
  const { promise, resolve, reject } = Promise.withResolvers<string[]>()
  let text = ''
  socket.setTimeout(SILENCE_MS, () => {
    socket.destroy()
    reject(new Error(`the session hangs behind ${JSON.stringify(text.slice(-200))}`))
  })
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => (text = (text + chunk.toString('latin1')).slice(-100_000)))
  socket.on('close', () =>
    resolve([...new Set(text.split('\r\n').map((line) => line.slice(0, 24).replace(/\d+/g, '')))]),
  )
  socket.end(input)
  return promise
}

export const sessionTargets: readonly Target[] = SESSIONS.map((session) => ({
  name: session.name,
  corpus: session.corpus.map(octets),
  words: session.words,
  errors: [],
  open: () => open(session),
}))
