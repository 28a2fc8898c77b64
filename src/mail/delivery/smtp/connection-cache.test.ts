import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionCache, type Keepable } from './connection-cache.ts'

class Line implements Keepable {
  closed = false
  forMs = 0
  gone: (() => void) | undefined
  rest(forMs: number, gone: () => void): void {
    this.forMs = forMs
    this.gone = gone
  }
  wake(): void {
    this.gone = undefined
  }
  close(): void {
    this.closed = true
  }
}

test('a connection is found by its destination and by its server, once', () => {
  const cache = new ConnectionCache<Line>()
  const [first, second] = [new Line(), new Line()]
  cache.keep(first, 'server', 'destination', 2000)
  cache.keep(second, 'server', undefined, 2000)
  assert.equal(first.forMs, 2000)
  assert.equal(cache.takeByDestination('another'), undefined)
  assert.equal(cache.takeByDestination('destination'), first)
  assert.equal(cache.takeByDestination('destination'), undefined)
  assert.equal(cache.takeByServer('server'), second)
  assert.equal(second.gone, undefined, 'it is its taker’s again')
  assert.equal(cache.size, 0)
})

test('one that dies is forgotten, and closed', () => {
  const cache = new ConnectionCache<Line>()
  const line = new Line()
  cache.keep(line, 'server', 'destination', 2000)
  line.gone?.()
  assert.ok(line.closed)
  assert.equal(cache.takeByServer('server'), undefined)
})

test('beyond the limit the one that waits longest is closed; in the end all are', () => {
  const cache = new ConnectionCache<Line>(2)
  const lines = [new Line(), new Line(), new Line()]
  for (const line of lines) cache.keep(line, 'server', undefined, 2000)
  assert.deepEqual(
    lines.map(({ closed }) => closed),
    [true, false, false],
  )
  const before = cache.generation
  cache.closeAll()
  assert.ok(lines.every(({ closed }) => closed))
  assert.equal(cache.size, 0)
  assert.notEqual(cache.generation, before)
})
