import { describe, it } from '@jest/globals';
import { kafkajsDriver } from '@infra-kit/mq/kafkajs';
import { mqSuite } from '@infra-kit/mq/testing';
import { sharedKafka } from '@infra-kit/testkit';
import { kafkaOptions } from './fixtures/kafka-options.js';

mqSuite(
  { describe, it },
  { name: 'kafkajs', open: () => kafkajsDriver(kafkaOptions(sharedKafka().brokers)) },
);
