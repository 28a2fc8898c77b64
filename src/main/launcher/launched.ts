/** What the launcher and the server that it starts have in common. */

/** The server's descriptor of the pipe. */
export const PIPE_FD = 3
/** Set in the environment of a server that a launcher started. */
export const LAUNCHED = 'POSTIGO_LAUNCHED'

/** Who started it in the background reads no more once it is ready: no reason to end, as it is for a command. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error').on('error', () => {})
}
