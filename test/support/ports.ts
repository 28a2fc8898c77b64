/**
 * Ports for programs that are started, and have to be told theirs. Below those that the system gives to connections: a
 * client that tries a port of its range again and again may be given that very port, and meets itself.
 */
import { createServer } from 'node:net'

const FIRST = 12_000
const LAST = 19_000

/** Each process begins elsewhere, so that tests side by side seldom ask for the same one. */
let last = FIRST + ((process.pid * 61) % (LAST - FIRST))

export function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}

/** A port that nothing listens on, each time another. */
export async function freePort(): Promise<number> {
  for (let tried = FIRST; tried < LAST; tried++) {
    last = last < LAST ? last + 1 : FIRST
    if (await isFree(last)) return last
  }
  throw new Error('no free port')
}

/** A number to add to each of these so that all are free. */
export async function freeOffset(ports: readonly number[]): Promise<number> {
  for (let tried = FIRST; tried < LAST; tried += 100) {
    last = last + 1000 < LAST ? last + 1000 : FIRST + (last % 1000)
    const offset = last
    if ((await Promise.all(ports.map((port) => isFree(port + offset)))).every(Boolean)) return offset
  }
  throw new Error('no free ports')
}
