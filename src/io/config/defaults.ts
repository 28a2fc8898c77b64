/** Defaults of Postfix's own parameters by name, those made for each transport included. */
import { postfixParameters, transportParameters, type PostfixParameter } from './postfix-parameters.ts'

const byName: ReadonlyMap<string, PostfixParameter> = new Map(postfixParameters.map((p) => [p.name, p]))

/**
 * A parameter of Postfix 3.10: by its own name, or one that exists for every transport
 * (`maildrop_destination_recipient_limit`).
 */
export function postfixParameter(name: string): PostfixParameter | undefined {
  return byName.get(name) ?? transportParameters.find((p) => name.length > p.name.length && name.endsWith(p.name))
}

/** Its default expression. */
export function postfixDefault(name: string): string | undefined {
  return postfixParameter(name)?.default
}
