import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { tableDirectory } from './fixture.test.ts'
import { createTables, TableError } from './mod.ts'

function asker(t: TestContext): (settings: string, key: string) => Promise<string | undefined> {
  const { path, write } = tableDirectory(t)
  const db = new DatabaseSync(path('db'))
  db.exec(`CREATE TABLE a(k, v, w);
    INSERT INTO a VALUES ('u@d.c', 'x@y.z', 'w1'), ('u@d.c', 'two', NULL), ('n', NULL, 'q'), ('e', '', 'q'),
      ('o''k', 'quote', ''), ('7', 42, '')`)
  db.close()
  let count = 0
  return async (settings, key) => {
    const file = write(`q${++count}.cf`, `dbpath = ${path('db')}\n${settings}\n`)
    return createTables().open(`sqlite:${file}`).get(key)
  }
}

test("sqlite: answers what Postfix's own sqlite: answers", async (t) => {
  const ask = asker(t)
  const query = "query = SELECT v, w FROM a WHERE k = '%s'"
  const table: readonly (readonly [string, string, string | undefined])[] = [
    [query, 'u@d.c', 'x@y.z,two'],
    [query, 'U@D.C', 'x@y.z,two'],
    [query, 'n', undefined],
    [query, 'e', undefined],
    [query, "o'k", 'quote'],
    [query, '7', '42'],
    [query, "x' OR '1'='1", undefined],
    ["query = SELECT v FROM a WHERE k = '%u@%d'\nresult_format = [%s]%d/%U", 'u@d.c', '[x@y.z]y.z/u'],
    ["query = SELECT '%1-%2'", 'u@d.c', 'c-d'],
    ["query = SELECT '%1-%2'", 'n', undefined],
    ["query = SELECT '%1-%2'", '@d.c', 'c-d'],
    ['table = a\nselect_field = v\nwhere_field = k', 'u@d.c', 'x@y.z,two'],
    [`${query}\ndomain = d.c`, 'u@d.c', 'x@y.z,two'],
    [`${query}\ndomain = other`, 'u@d.c', undefined],
    [`${query}\ndomain = d.c`, 'n', undefined],
    ["query = SELECT '%%'", 'n', '%'],
    ["query = SELECT '%u'", '@d', undefined],
    ["query = SELECT '%u'", 'a@b@c', 'a@b'],
  ]
  for (const [settings, key, answer] of table) assert.equal(await ask(settings, key), answer, `${settings} ${key}`)
})

test('sqlite: tables that cannot be asked throw', async (t) => {
  const ask = asker(t)
  const table: readonly (readonly [string, string, TableError['kind']])[] = [
    ["query = SELECT v FROM a WHERE k = '%s'\nexpansion_limit = 1", 'u@d.c', 'unavailable'],
    ['query = SELEC', 'n', 'configuration'],
    ["query = SELECT '%z'", 'n', 'configuration'],
    ['', 'n', 'configuration'],
    ['dbpath = /nonexistent/x\nquery = SELECT 1', 'n', 'unavailable'],
  ]
  for (const [settings, key, kind] of table)
    await assert.rejects(ask(settings, key), (e) => e instanceof TableError && e.kind === kind, settings)
})
