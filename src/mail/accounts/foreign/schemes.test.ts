/** Hashes of `secrét x` for ana@example.test as Dovecot 2.3's `doveadm pw` made them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchesForeign, readForeign } from './schemes.ts'

const PASSWORD = 'secrét x'

const HASHES: readonly string[] = [
  '{SSHA}cDQ2FGGWZ5+3c6xjoUiukl5cxARYSxqM',
  '{SSHA256}rsOrElWXoBwEXc++proKoBA9nf7GPgZADxKFmO3KiACYPHna',
  '{SSHA512}3lMb+ZX9MmPctsJ74uKXrkQ6CasmA46kWoum0vqhSoJTQ4CR104SmeU8FtBD+QRglkxzTknvScgDHGRpIRJyvFFGYbM=',
  '{SHA}jXxCI2FU8aTN7k+Ss19yFqSq5DM=',
  '{SHA256}gVE0Yt6n7bafx6mIK/qBajG1tV+qsquzFz85xTIIofw=',
  '{SHA512}hpJw3kofYaX5rnq8xH/VCIvzMmucD2XS0vNlgRhkUdVLPTp3evA7HT04kpnmXjzDgjwCff5NWFr7yPO91hCa1w==',
  '{SMD5}mkhngTI2apHXyaH7hyIEAKEj8Ck=',
  '{PLAIN-MD5}a273e66704f89829a8e4c52fdc9e0aca',
  '{LDAP-MD5}onPmZwT4mCmo5MUv3J4Kyg==',
  '{MD5}$1$pg085l3/$OJcfj4Ahkqcz0VpCIvAxF1',
  '{SHA256-CRYPT}$5$qFAGSg4Ho3rDT0A8$J8Ja0v6QsAqrTy/FAOtZLIfRCgEriJT25OZHPS1STx8',
  '{SHA512-CRYPT}$6$2yPazGJkWx.IPBvM$uk5XNg49QBfKCYEuBM71PNFz9bELB5WhhQDbtwb6ocqXRsdFKnAG/kdHjbttczMmmY6rFx6w3ShqTBokLs1J50',
  '{BLF-CRYPT}$2y$05$2sVmJjGJ.8m49pBcWQ0haOqWnEJ1Y3AZOxzguKFJSwneh4fDMtcK2',
  '{DES-CRYPT}bk/cJ34Ws59H6',
  '{CRYPT}$2y$05$Un.ZfUxLLPc/BwWQga449eixzSQeTWwB2hIfkJbE3MZHniAxqLyhy',
  '{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$unFd+IkpAUnz061ZGtHVuQ$w7BPTC2EZdQut4yXKDbT/dWdTQCoBNhawA1ttUrhgV8',
  '{PBKDF2}$1$2/Ru8cvEODL24ZB2$5000$0d46c6edd0856e27ca0ca0b07f5e9b3b02746a9f',
  '{SCRAM-SHA-1}4096,LCDC1+VkUJ4sG9sUmjei3A==,arZrwXNKMw0S2TO5maKy4AvPRbc=,fNYru1ynBvZchNpNyogtla8DCsM=',
  '{SCRAM-SHA-256}4096,9jazXYu9ystcnGPVXeaQkw==,8NBIJvoNUfJPHVBbgtkKFPgbiKnZiyqJsO55p2131G4=,QpkK8etZ/zT+IcChmwh4/CX1T2frn39yaT06jdyAKkE=',
  '{CRAM-MD5}f09b95fbb905129b05bd414b8c7145ab3d8d1e75e9c9fe1b3e846b45e156ed16',
  '{HMAC-MD5}f09b95fbb905129b05bd414b8c7145ab3d8d1e75e9c9fe1b3e846b45e156ed16',
  '{DIGEST-MD5}7d3df87fd353b55c9387785ef6d06037',
  '{SHA256.HEX}81513462dea7edb69fc7a9882bfa816a31b5b55faab2abb3173f39c53208a1fc',
  '{SSHA.HEX}a74d79232ebe7e5968b3f713a9bc8b4669eb4fe603081854',
  '{SHA1.B64}jXxCI2FU8aTN7k+Ss19yFqSq5DM=',
  '{ssha512.b64}9dLHtomFebWUPCazLaZVvinLgAf29Ktsxx1bF82uV7tPDtq7HfMiBAY8K1GJibLAnuIzPBeUkScNHxrL51QkfVEqDJ0=',
  // Without a scheme, as in /etc/shadow.
  '$6$2yPazGJkWx.IPBvM$uk5XNg49QBfKCYEuBM71PNFz9bELB5WhhQDbtwb6ocqXRsdFKnAG/kdHjbttczMmmY6rFx6w3ShqTBokLs1J50',
]

test('what Dovecot hashed lets the right password in, and no other', async () => {
  const name = 'ana@example.test'
  for (const field of HASHES) {
    const read = readForeign(field, 'PLAIN')
    assert.equal(read.kind, 'hash', field)
    if (read.kind !== 'hash') continue
    assert.equal(await matchesForeign({ text: read.text, name }, PASSWORD), true, field)
    // DES hashes the first eight octets alone.
    assert.equal(await matchesForeign({ text: read.text, name }, 'Secrét x'), false, field)
    assert.equal(await matchesForeign({ text: read.text, name }, ''), false, field)
  }
})

test('crypt hashes of many log-ins at a time are made in turns', async () => {
  const text = '{DES-CRYPT}bk/cJ34Ws59H6'
  const all = Array.from({ length: 12 }, (_, i) => matchesForeign({ text, name: '' }, i % 2 === 0 ? PASSWORD : 'x'))
  assert.deepEqual(
    await Promise.all(all),
    Array.from({ length: 12 }, (_, i) => i % 2 === 0),
  )
})

test('a field is a password, a hash, nobody’s, or said to be unknown', () => {
  const table: readonly (readonly [field: string, usual: string, kind: string, rest?: string])[] = [
    ['{PLAIN}a{b}c', 'CRYPT', 'plain', 'a{b}c'],
    ['{CLEARTEXT}x', 'CRYPT', 'plain', 'x'],
    ['open', 'PLAIN', 'plain', 'open'],
    ['bk/cJ34Ws59H6', 'CRYPT', 'hash', '{CRYPT}bk/cJ34Ws59H6'],
    ['jXxCI2FU8aTN7k+Ss19yFqSq5DM=', 'sha', 'hash', '{SHA}jXxCI2FU8aTN7k+Ss19yFqSq5DM='],
    ['*', 'CRYPT', 'locked'],
    ['!$6$x$y', 'CRYPT', 'locked'],
    ['x', 'CRYPT', 'locked'],
    ['', 'PLAIN', 'locked'],
    ['{OTP}sha1 1024 57bf02ce4a233b2d ad47ad89ed32e850', 'CRYPT', 'unknown', 'scheme OTP is not known here'],
    ['{constructor}x1', 'CRYPT', 'unknown', 'scheme CONSTRUCTOR is not known here'],
    ['{SSHA}short', 'CRYPT', 'unknown', 'no SSHA hash'],
    ['{SHA.ROT13}x1', 'CRYPT', 'unknown', 'encoding ROT13 is not known here'],
    ['{PBKDF2}$1$s$999999999$0d46c6edd0856e27ca0ca0b07f5e9b3b02746a9f', 'CRYPT', 'unknown', 'no PBKDF2 hash'],
    ['$2y$31$2sVmJjGJ.8m49pBcWQ0haOqWnEJ1Y3AZOxzguKFJSwneh4fDMtcK2', 'CRYPT', 'unknown', 'no CRYPT hash'],
  ]
  for (const [field, usual, kind, rest] of table) {
    const read = readForeign(field, usual)
    assert.equal(read.kind, kind, field)
    const said = 'password' in read ? read.password : 'text' in read ? read.text : 'why' in read ? read.why : undefined
    assert.equal(said, rest, field)
  }
  assert.equal(readForeign('{ARGON2ID}$argon2id$v=19$m=99999999,t=3,p=1$EH0J$jceX', 'CRYPT').kind, 'unknown')
})
