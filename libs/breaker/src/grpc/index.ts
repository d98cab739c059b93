export { breakerInterceptor } from './breaker.interceptor.js';
