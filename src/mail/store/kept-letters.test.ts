import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COLLATIONS } from '../../formats/message/mod.ts'
import type { Selected, Thread } from './contract.ts'
import { ACCOUNT, openTestStore } from './testing.ts'

const print = (threads: readonly Thread[]): string =>
  threads.map(({ seq, children }) => `(${seq === 0 ? '' : seq}${print(children)})`).join('')

test('THREAD is right after mail came, went and came back from elsewhere', async (t) => {
  const { store, select } = await openTestStore(t)
  let day = 0
  const append = async (mailbox: string, id: string, references: string, subject = id): Promise<void> => {
    const date = `Date: ${++day} Nov 2020 10:00:00 +0000\r\n`
    const text = Buffer.from(
      `${date}Message-ID: <${id}@x>\r\n${references && `References: ${references}\r\n`}Subject: ${subject}\r\n\r\n`,
    )
    assert.ok('uid' in (await store.append(ACCOUNT, mailbox, [text], { sizeOctets: text.length, flags: [] })))
  }
  await append('INBOX', 'a', '')
  await append('INBOX', 'b', '<a@x>')
  await append('INBOX', 'c', '<a@x> <b@x>')
  await append('INBOX', 'd', '', 'Once')
  await append('Sent', 'e', '<a@x>')
  const selected = await select()
  const all = (): number[] => Array.from({ length: selected.count }, (_, i) => i + 1)
  const threads = async (seqs = all(), of: Selected = selected): Promise<string> =>
    print(await of.threads(seqs, 'REFERENCES'))
  assert.equal(await threads(), '(1(2(3)))(4)')
  assert.equal(await threads(), '(1(2(3)))(4)')
  assert.equal(await threads([2, 4]), '(2)(4)')
  await append('INBOX', 'f', '<c@x>')
  await append('INBOX', 'g', '', 'Re: once')
  await selected.refresh({ expunges: true })
  assert.equal(await threads([3, 4, 5]), '(3(5))(4)')
  assert.equal(await threads(), '(1(2(3(5))))(4(6))')
  await selected.storeFlags([2, 3], 'add', ['\\Deleted'])
  await selected.expunge()
  await selected.refresh({ expunges: true })
  assert.equal(await threads(), '(1)(2(4))(3)')
  const sent = await select('Sent')
  assert.equal(await threads([1], sent), '(1)')
  await sent.copy([1], 'INBOX') // an older message behind newer ones
  await selected.refresh({ expunges: true })
  assert.equal(await threads(), '(1(5))(2(4))(3)')
  assert.equal(print(await selected.threads(all(), 'REFS')), '(2)(1(5))(3)(4)')
})

test('what is kept for one comparator is not taken for another', async (t) => {
  const { store, select } = await openTestStore(t)
  for (const subject of ['one', 'ONE', 'two']) {
    const text = Buffer.from(`Subject: ${subject}\r\n\r\n`)
    await store.append(ACCOUNT, 'INBOX', [text], { sizeOctets: text.length, flags: [] })
  }
  const selected = await select()
  const octet = COLLATIONS.find(({ name }) => name === 'i;octet')
  for (let n = 0; n < 2; n++) {
    assert.equal(print(await selected.threads([1, 2, 3], 'ORDEREDSUBJECT')), '(1(2))(3)')
    assert.equal(print(await selected.threads([1, 2, 3], 'ORDEREDSUBJECT', octet)), '(1)(2)(3)')
  }
})
