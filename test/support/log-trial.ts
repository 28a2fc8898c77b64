/** One course of lives and deaths of a LogWorld, as a seed gives it. */
import { type LifeSettings, LogWorld } from './log-world.ts'
import { Random } from './random.ts'

const ENDS = ['kill', 'power-cut', 'stop'] as const

/** Runs the course; answers what promises were broken. */
export async function trial(dir: string, seed: number): Promise<readonly string[]> {
  const random = new Random(seed)
  const world = new LogWorld(dir, random)
  for (let life = 0; life < 4; life++) {
    world.disk.faults = random.chance(0.5)
      ? { full: 0.05, sync: 0.05, truncate: 0.1 }
      : { full: 0, sync: 0, truncate: 0 }
    sendSome(world, random)
    await world.live(lifeOf(random))
  }
  world.disk.faults = { full: 0, sync: 0, truncate: 0 }
  for (let n = 0; n < 3; n++) await world.live({ steps: Infinity, end: 'stop', threads: 1 })
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
