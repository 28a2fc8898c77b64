import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { ChangeFeed, FEED_OCTETS } from './feed.ts'

test('many changes in one turn are one wake-up, and only of the account that changed', async () => {
  const feed = new ChangeFeed()
  const woken: string[] = []
  const stops = [feed.watch(1, () => woken.push('one')), feed.watch(2, () => woken.push('two'))]
  const before = feed.value(1)
  for (let i = 0; i < 5; i++) feed.changed(1)
  assert.notEqual(feed.value(1), before)
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual(woken, ['one'])
  for (const stop of stops) stop()
  feed.changed(1)
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual(woken, ['one'])
})

test('a change on another thread wakes whoever watches here', async () => {
  const memory = new SharedArrayBuffer(FEED_OCTETS)
  const feed = new ChangeFeed(memory)
  const woken = new Promise<void>((resolve) => {
    const stop = feed.watch(3, () => {
      stop()
      resolve()
    })
  })
  const code = `const { workerData } = require('node:worker_threads')
    import(workerData.url).then(({ ChangeFeed }) => new ChangeFeed(workerData.memory).changed(3))`
  const url = new URL('./feed.ts', import.meta.url).href
  const worker = new Worker(code, { eval: true, workerData: { url, memory } })
  await woken
  await worker.terminate()
})
