import type { EntityManager, MikroORM } from '@mikro-orm/sql';

/** One number for all instances: whoever changes the schema holds this lock of the database. */
export const SCHEMA_LOCK = 4_927_318_555_021;

const CHANGES = /\b(drop|rename)\b|\balter column\b|\btruncate\b|\bdelete from\b/i;

export interface SchemaPlan {
  /** Creates and adds: to be run. */
  readonly additions: readonly string[];
  /** What differs and only a person should change. */
  readonly leftAlone: readonly string[];
}

/** What the entities need that the database, or one schema of it, has not, statement by statement. */
export async function planSchema(orm: MikroORM, schema?: string): Promise<SchemaPlan> {
  const text = await orm.schema.getUpdateSchemaSQL({
    safe: true,
    wrap: false,
    ...(schema !== undefined && { schema }),
  });
  const statements = statementsOf(text);
  return {
    additions: statements.filter((statement) => !CHANGES.test(withoutQuotes(statement))),
    leftAlone: statements.filter((statement) => CHANGES.test(withoutQuotes(statement))),
  };
}

/** As MikroORM's schema generator ends them, one a line. */
export function statementsOf(text: string): string[] {
  return text
    .split(/;\s*\n/)
    .map((statement) => statement.trim().replace(/;$/, ''))
    .filter((statement) => statement !== '');
}

/** A table may be called "drop". */
const withoutQuotes = (statement: string): string => statement.replace(/"[^"]*"|'[^']*'/g, '""');

/** Runs the additions, all or none. */
export async function runAdditions(em: EntityManager, additions: readonly string[]): Promise<void> {
  for (const statement of additions) await em.execute(statement, [], 'run');
}
