/** The system's errors in its own words, as logs have them. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ETIMEDOUT: 'Connection timed out',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ECONNRESET: 'Connection reset by peer',
  EPIPE: 'Broken pipe',
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EADDRNOTAVAIL: 'Cannot assign requested address',
}

export function systemText(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return SYSTEM_ERRORS[code] ?? (error instanceof Error ? error.message : String(error))
}
