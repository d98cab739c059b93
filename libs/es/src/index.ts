export { createEs, type EsDeps } from './create-es.js';
export {
  EsAuthConfig,
  EsBulkConfig,
  EsConfig,
  EsTlsConfig,
  defaultEsConfig,
  type EsOptions,
} from './es.config.js';
export { EsModule } from './es.module.js';
export { EsProvider, type BulkWriter, type EsIndices, type ReindexOptions } from './es.provider.js';
export { ES_METRICS, ES_SCOPE } from './es.telemetry.js';
export { getEsToken, InjectEs } from './es.tokens.js';
export type {
  Agg,
  AggBucket,
  AggResult,
  BucketsResult,
  BulkFailure,
  BulkOptions,
  BulkReport,
  CalendarInterval,
  DeleteOptions,
  FieldMapping,
  FieldMappings,
  Filter,
  FilterValue,
  GetOptions,
  HighlightOptions,
  Hit,
  IndexBody,
  IndexDefinition,
  IndexMappings,
  IndexOptions,
  IndexResult,
  IndexSpec,
  MatchKind,
  RangeBound,
  RangeOf,
  Refresh,
  Scope,
  SearchHit,
  SearchQuery,
  SearchResult,
  Sort,
  SortValue,
  StatsResult,
  UpdateOptions,
  WriterOptions,
} from './es.types.js';
export {
  EsDocument,
  EsField,
  type EsDocumentOptions,
  type EsFieldOptions,
} from './nest/es-document.decorator.js';
export type {
  AliasAction,
  BulkOp,
  BulkOutcome,
  BulkRequest,
  DeleteRequest,
  DriverCall,
  EsDriver,
  Failure,
  FilterPlan,
  FoundHit,
  FoundPage,
  GetRequest,
  HighlightPlan,
  IndexRequest,
  IndexState,
  SearchPlan,
  SortPlan,
  StoredDocument,
  TextPlan,
  TextUnit,
  UpdateRequest,
  WeighedField,
} from './drivers/es-driver.js';
export { EsRefusal } from './drivers/es-refusal.js';
export { MemoryEsDriver, type MemoryEsDriverOptions } from './drivers/memory/memory.driver.js';
export { parseEsConfig } from './parse-es-config.js';
