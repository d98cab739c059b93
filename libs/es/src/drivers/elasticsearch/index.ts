export { ElasticsearchDriver, type ElasticsearchPlaces } from './elasticsearch.driver.js';
export { elasticsearchDriver, type ElasticsearchDriverOptions } from './open-client.js';
