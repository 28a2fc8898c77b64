/** A line of shadow(5): the hash, and whether it may be used today. */

const DAY_MS = 86_400_000

export interface Shadow {
  /** `''` where there is no password that could be right. */
  readonly hash: string
  /** The account, or the password: whoever has to change it first cannot do so by mail. As PAM's pam_unix has it. */
  readonly isExpired: boolean
}

export function parseShadow(line: string | undefined, nowMs: number): Shadow {
  const [, hash = '', changed = '', , most = '', , , expires = ''] = line?.split(':') ?? []
  const isUsable = hash.length > 4 && !/^[!*]/.test(hash)
  const today = Math.floor(nowMs / DAY_MS)
  const accountIsOver = expires !== '' && Number(expires) <= today
  const passwordIsOver =
    changed !== '' &&
    (Number(changed) === 0 || (most !== '' && Number(most) >= 0 && today - Number(changed) > Number(most)))
  return { hash: isUsable ? hash : '', isExpired: accountIsOver || passwordIsOver }
}
