import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { MD5_START, md5Block, md5Finish, packMd5State, unpackMd5State } from './md5.ts'

test('md5Finish() gives node:crypto’s digest for every length about the block bounds', () => {
  for (let length = 0; length <= 200; length++) {
    const text = Buffer.alloc(length, length)
    assert.deepEqual(md5Finish(MD5_START, 0, text), hash('md5', text, 'buffer'), `length ${length}`)
  }
})

test('a state exported after whole blocks goes on to the same digest', () => {
  const blocks = fc.uint8Array({ minLength: 64, maxLength: 64 })
  fc.assert(
    fc.property(blocks, fc.uint8Array({ maxLength: 300 }), (block, tail) => {
      const state = unpackMd5State(packMd5State(md5Block(MD5_START, Buffer.from(block))))
      const whole = hash('md5', Buffer.concat([block, tail]), 'buffer')
      assert.deepEqual(md5Finish(state, 64, Buffer.from(tail)), whole)
    }),
  )
})
