import { describeOrders } from './orders-behaviour.js';

describeOrders('orders in the embedded PostgreSQL, on Express', () => ({}));
describeOrders('orders in the embedded PostgreSQL, on Fastify', () => ({ HTTP_ADAPTER: 'fastify' }));
