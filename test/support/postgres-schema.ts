/** A schema in words that compare: what its catalog says, the same for every version of PostgreSQL. */
import { rawly } from './postgres.ts'

const text = (rows: readonly Record<string, unknown>[], column: string): string[] =>
  rows.map(row => String(row[column]))

/** Its sequences, tables with columns, constraints and indexes, and functions, in the order of their names. */
export async function describeSchema(url: string, schema: string): Promise<string> {
  const ask = (sql: string): Promise<Record<string, unknown>[]> => rawly(url, schema, sql)
  const space = `'${schema}'::regnamespace`
  const sequences = await ask(
    `SELECT format('CREATE SEQUENCE %s AS %s;', c.relname, format_type(s.seqtypid, NULL)) AS line
     FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid
     WHERE c.relnamespace = ${space} AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i')
     ORDER BY c.relname`,
  )
  const tables = await ask(
    `SELECT c.relname AS name, coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '') AS options
     FROM pg_class c WHERE c.relnamespace = ${space} AND c.relkind = 'r' ORDER BY c.relname`,
  )
  const described: string[] = []
  for (const { name, options } of tables) {
    const columns = await ask(
      `SELECT concat_ws(' ', '  ' || a.attname, format_type(a.atttypid, a.atttypmod),
           CASE WHEN a.attcollation <> t.typcollation THEN format('COLLATE %I', l.collname) END,
           CASE WHEN a.attnotnull THEN 'NOT NULL' END,
           CASE WHEN a.attidentity = 'a' THEN 'GENERATED ALWAYS AS IDENTITY' END,
           'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)) AS line
       FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation l ON l.oid = a.attcollation
       LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
       WHERE a.attrelid = '"${String(name)}"'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    )
    const constraints = await ask(
      `SELECT format('  CONSTRAINT %s %s', conname, pg_get_constraintdef(oid)) AS line FROM pg_constraint
       WHERE conrelid = '"${String(name)}"'::regclass AND contype IN ('p', 'u', 'c', 'f') ORDER BY conname`,
    )
    const lines = [...text(columns, 'line'), ...text(constraints, 'line')].join(',\n')
    described.push(`CREATE TABLE ${String(name)} (\n${lines}\n)${String(options)};`)
  }
  const indexes = await ask(
    `SELECT pg_get_indexdef(i.indexrelid) || ';' AS line FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE c.relnamespace = ${space} AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)
     ORDER BY c.relname`,
  )
  const functions = await ask(
    `SELECT trim(pg_get_functiondef(p.oid)) || ';' AS line FROM pg_proc p
     WHERE p.pronamespace = ${space} ORDER BY p.proname`,
  )
  const all = [...text(sequences, 'line'), ...described, text(indexes, 'line').join('\n'), ...text(functions, 'line')]
  return `${all
    .join('\n\n')
    .replaceAll(`${schema}.`, '')
    .replaceAll(/[ \t]+$/gm, '')}\n`
}
