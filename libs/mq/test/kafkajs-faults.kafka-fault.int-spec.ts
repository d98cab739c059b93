import { kafkajsDriver } from '@infra-kit/mq/kafkajs';
import { describeFaults } from './faults.behaviour.js';

describeFaults({ name: 'kafkajs', driver: kafkajsDriver });
