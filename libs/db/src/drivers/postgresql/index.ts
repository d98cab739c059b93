export { PostgresqlDbDriver } from './postgresql.driver.js';
