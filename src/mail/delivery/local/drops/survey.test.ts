import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arrivedBetween, type DropEntry, parseSurvey } from './survey.ts'

const mbox = (path: string, size: number, identity = '1:1'): DropEntry => ({
  kind: 'mbox',
  size,
  identity,
  folder: path,
  path,
})
const file = (path: string, identity: string): DropEntry => ({ kind: 'file', size: 9, identity, folder: 'f', path })

test('new is what was not there: the end of an mbox, a file of its own', () => {
  const before = [mbox('a', 10), mbox('b', 10), mbox('c', 10), mbox('d', 10, '1:4'), file('f/new/1', '1:7')]
  const after = [
    mbox('a', 10),
    mbox('b', 25),
    mbox('c', 5),
    mbox('d', 90, '1:5'),
    mbox('e', 7),
    mbox('empty', 0),
    file('f/cur/1:2,S', '1:7'), // a reader moved it
    file('f/new/2', '1:8'),
  ]
  const { arrived, rewritten } = arrivedBetween(before, after)
  assert.deepEqual(
    arrived.map((one) => `${one.path} ${one.from}-${one.to}`),
    ['b 10-25', 'e 0-7', 'f/new/2 0-9'],
  )
  assert.deepEqual(rewritten, ['c', 'd'])
})

test('a survey is read as survey.pl prints it', () => {
  assert.deepEqual(parseSurvey('m\t12\t1:2\tlists/x\t/home/a b\n'), [
    { kind: 'mbox', size: 12, identity: '1:2', folder: 'lists/x', path: '/home/a b' },
  ])
  assert.throws(() => parseSurvey('nonsense\n'), /no entry/)
})
