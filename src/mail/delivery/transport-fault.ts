/** What is wrong with an entry of master.cf that mail is sent by, before any mail is. */
import type { MasterService } from '../../io/config/mod.ts'
import { parsePipeService, PipeServiceError } from './pipe/service.ts'
import { parseFlags, TransportFlagsError } from './smtp/flags.ts'

/** undefined: nothing, or it is none of ours. */
export function transportFault(service: Pick<MasterService, 'name' | 'command' | 'args'>): string | undefined {
  try {
    if (service.command === 'pipe') parsePipeService(service)
    else if (service.command === 'smtp' || service.command === 'lmtp') parseFlags(service.args)
    return undefined
  } catch (error) {
    if (error instanceof PipeServiceError || error instanceof TransportFlagsError) return error.message
    throw error
  }
}
