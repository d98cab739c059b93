export { registerInfraResolver, type InfraResolverOptions } from './infra-resolver.js';
