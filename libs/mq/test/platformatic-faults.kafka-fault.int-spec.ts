import { platformaticDriver } from '@infra-kit/mq/platformatic';
import { describeFaults } from './faults.behaviour.js';

describeFaults({ name: '@platformatic/kafka', driver: platformaticDriver });
