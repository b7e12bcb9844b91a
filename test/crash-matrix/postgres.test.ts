/** The crash matrix on a real PostgreSQL server. */
import { postgres } from '../../src/store/postgres/index.ts'
import { freshSchema, postgresServer } from '../support/postgres.ts'
import { crashMatrix } from './suite.ts'

crashMatrix('postgres', {
  most: 1,
  parts: 3,
  fresh: async () => {
    const server = await postgresServer()
    const source = postgres(server.url(), { schema: freshSchema(), max: 2 })
    return () => source
  },
})
