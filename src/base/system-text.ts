/** The system's errors in its own words (strerror(3)), as logs have them. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ETIMEDOUT: 'Connection timed out',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ECONNRESET: 'Connection reset by peer',
  EPIPE: 'Broken pipe',
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EISDIR: 'Is a directory',
  ENOTDIR: 'Not a directory',
  ENOEXEC: 'Exec format error',
  EADDRNOTAVAIL: 'Cannot assign requested address',
}

/** @param code `ENOENT`; what is not common stays as it is */
export function errnoText(code: string): string {
  return SYSTEM_ERRORS[code] ?? code
}

export function systemText(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return SYSTEM_ERRORS[code] ?? (error instanceof Error ? error.message : String(error))
}
