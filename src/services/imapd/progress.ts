/** A client that waits long hears that its command goes on. RFC 9585. */
import type { Session } from './session.ts'

export async function withProgress<T>(session: Session, work: () => Promise<T> | T): Promise<T> {
  const { output, running } = session
  // RFC 9585 §4: a tag that would end the response code is not told.
  const tag = running.tag.includes(']') ? 'NIL' : `"${running.tag}"`
  const timer = setInterval(() => {
    if (!running.speaks) return
    const { done, goal } = running.progress ?? {}
    output.line(`* OK [INPROGRESS (${tag} ${done ?? 'NIL'} ${goal ?? 'NIL'})] Still in progress`)
    void output.flush()
  }, session.deps.cf.imapd_progress_interval)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
