/** Courses of lives and deaths of a LogWorld. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { LifeSettings } from './log-life.ts'
import { LogWorld } from './log-world.ts'
import { Random } from './random.ts'

const ENDS = ['kill', 'power-cut', 'stop'] as const
const NO_FAULTS = { full: 0, sync: 0, truncate: 0 }
const IN_ORDER: LifeSettings = { steps: Infinity, end: 'stop', threads: 1 }

/** A course that a seed gives: four lives that end anyhow, then all that waits is sent. Answers what promises were broken. */
export async function trial(dir: string, seed: number): Promise<readonly string[]> {
  const random = new Random(seed)
  const world = new LogWorld(dir, random)
  for (let life = 0; life < 4; life++) {
    world.disk.faults = random.chance(0.5) ? { full: 0.05, sync: 0.05, truncate: 0.1 } : NO_FAULTS
    sendSome(world, random)
    await world.live(lifeOf(random))
  }
  return settle(world)
}

/**
 * One life of the same messages, ended at its first operation, then at its second, and so on until it ends by itself; each
 * time followed by another that is cut short, and by one in order.
 * @returns how many ends were tried, and what promises were broken
 */
export async function everyStep(
  dir: string,
  seed: number,
  end: 'kill' | 'power-cut',
): Promise<{ readonly tried: number; readonly problems: readonly string[] }> {
  const problems: string[] = []
  let tried = 0
  for (let ended = true; ended; tried++) {
    const place = join(dir, String(tried))
    mkdirSync(place)
    const random = new Random(seed)
    const world = new LogWorld(place, random)
    sendSome(world, random)
    await world.live({ ...IN_ORDER, threads: 2 })
    sendSome(world, random)
    ended = await world.live({ steps: tried, end, threads: 2 })
    await world.live({ steps: 5 + (tried % 40), end, threads: 1 })
    problems.push(...(await settle(world)).map((problem) => `${end} at operation ${tried}: ${problem}`))
    rmSync(place, { recursive: true })
  }
  return { tried, problems }
}

/** Everything waiting is sent and answered, on a disk that works. */
async function settle(world: LogWorld): Promise<readonly string[]> {
  world.disk.faults = NO_FAULTS
  for (let n = 0; n < 3; n++) await world.live(IN_ORDER)
  if (world.unanswered > 0) world.problems.push(`${world.unanswered} messages have still no answer`)
  return world.problems
}

function lifeOf(random: Random): LifeSettings {
  const end = ENDS[random.below(ENDS.length)] ?? 'kill'
  return { end, steps: end === 'stop' ? Infinity : 5 + random.below(150), threads: 1 + random.below(2) }
}

function sendSome(world: LogWorld, random: Random): void {
  for (let n = 5 + random.below(20); n > 0; n--) {
    const content = Buffer.alloc(1 + random.below(1500), `message ${random.next()} `)
    world.send(content, { spooled: random.chance(0.15), poison: random.chance(0.05) })
  }
}
