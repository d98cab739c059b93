import { describe, it } from '@jest/globals';
import { platformaticDriver } from '@infra-kit/mq/platformatic';
import { mqSuite } from '@infra-kit/mq/testing';
import { sharedKafka } from '@infra-kit/testkit';
import { kafkaOptions } from './fixtures/kafka-options.js';

mqSuite(
  { describe, it },
  { name: 'platformatic', open: () => platformaticDriver(kafkaOptions(sharedKafka().brokers)) },
);
