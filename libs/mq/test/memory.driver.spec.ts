import { describe, it } from '@jest/globals';
import { SystemClock } from '@infra-kit/kernel';
import { MemoryBroker, MemoryMqDriver, mqSuite } from '@infra-kit/mq/testing';

const broker = new MemoryBroker({ clock: new SystemClock() });

mqSuite({ describe, it }, { name: 'the memory driver', open: () => new MemoryMqDriver(broker) });
