import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Arrival } from './contract.ts'
import { receivedField, type ReceivedFacts } from './received.ts'

const arrival: Arrival = {
  origin: 'smtp',
  clientAddress: '2001:db8::7',
  clientName: 'pc.example',
  helo: 'pc',
  protocol: 'ESMTPSA',
  saslUsername: 'ana',
  tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256 },
  rewriteHeaders: true,
}
const facts: ReceivedFacts = {
  arrival,
  queueId: '3ZQ1',
  hostname: 'mail.example',
  mailName: 'Postigo',
  date: 'Mon, 2 Nov 2026 09:00:00 +0000 (UTC)',
  recipient: 'bob@example.org',
  tlsLines: true,
  authenticatedSender: true,
}

test('Received says who came and how, unless the client is hidden', () => {
  assert.equal(
    receivedField(facts),
    'Received: from pc (pc.example [IPv6:2001:db8::7])\r\n' +
      '\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n\t(No client certificate requested)\r\n' +
      '\t(Authenticated sender: ana)\r\n\tby mail.example (Postigo) with ESMTPSA id 3ZQ1\r\n' +
      '\tfor <bob@example.org>; Mon, 2 Nov 2026 09:00:00 +0000 (UTC)\r\n',
  )
  assert.equal(
    receivedField({ ...facts, arrival: { ...arrival, hidden: true } }),
    'Received: by mail.example (Postigo)\r\n\tid 3ZQ1\r\n\tfor <bob@example.org>; Mon, 2 Nov 2026 09:00:00 +0000 (UTC)\r\n',
  )
})
