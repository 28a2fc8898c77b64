/** The keeper in a process of its own, with the rights of the data's owner. Says `ready`, or why not; ends with its parent. */
import { KEEPER_TITLE, keepData } from './keeper.ts'

process.title = KEEPER_TITLE
process.on('SIGINT', () => {}) // the parent has it too, and ends this when it is done
try {
  const keeper = await keepData(process.argv[2] ?? '')
  process.once('disconnect', () => void keeper.stop().then(() => process.exit(0)))
  process.send?.({ ready: true })
} catch (error) {
  process.send?.({ ready: false, error: error instanceof Error ? error.message : String(error) })
  process.disconnect?.()
}
