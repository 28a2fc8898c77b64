/** Verdicts as events, for the record of paths. */
import { publish } from '../../base/mod.ts'
import type { PolicyVerdict, SessionFacts, Verdict } from './contract.ts'

/** Tells what a stage came to; one that asked nothing has nothing to tell. */
export function publishVerdict(
  { client, helo, sasl, sender, recipient, queueId }: SessionFacts,
  where: string,
  { reply, effects, path }: Pick<Verdict, 'reply' | 'effects' | 'path'>,
): void {
  if (path.length === 0 && reply === undefined) return
  publish<PolicyVerdict>({
    event: 'policy.verdict',
    where,
    queueId,
    clientName: client.name,
    clientAddress: client.address,
    helo,
    sasl: sasl?.username,
    sender,
    recipient,
    reply: reply && `${reply.code} ${reply.enhanced} ${reply.lines[0] ?? ''}`,
    effects,
    path,
  })
}
