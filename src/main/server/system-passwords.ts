/** System passwords from a front: main asks the launcher, for only main has its pipe. */
import type { FromFront } from './front-thread.ts'

interface Waiting {
  readonly resolve: (right: boolean) => void
  readonly reject: (error: Error) => void
}

export class SystemPasswords {
  readonly #say: (message: FromFront) => void
  readonly #waiting = new Map<number, Waiting>()
  #next = 0

  constructor(say: (message: FromFront) => void) {
    this.#say = say
  }

  ask(user: string, password: string): Promise<boolean> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#say({ say: 'verify', id, user, password })
    })
  }

  /** undefined: it could not be told. */
  answered(id: number, right: boolean | undefined): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (right === undefined) waiting?.reject(new Error('the system could not be asked'))
    else waiting?.resolve(right)
  }
}
