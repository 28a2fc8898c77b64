/** A client that waits long hears that its command goes on. RFC 9585. */
import type { Session } from './session.ts'

export async function withProgress<T>(session: Session, work: () => Promise<T> | T): Promise<T> {
  const { output } = session
  // RFC 9585 §4: a tag that would end the response code is not told.
  const tag = session.tag.includes(']') ? 'NIL' : `"${session.tag}"`
  const timer = setInterval(() => {
    const { done, goal } = session.progress ?? {}
    output.line(`* OK [INPROGRESS (${tag} ${done ?? 'NIL'} ${goal ?? 'NIL'})] Still in progress`)
    void output.flush()
  }, session.deps.cf.imapd_progress_interval)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    session.progress = undefined
  }
}
