import { describe, it } from '@jest/globals';
import { esSuite } from '@infra-kit/es/testing';

esSuite({ describe, it }, { name: 'an es in memory', options: () => ({ driver: 'memory' }), raw: false });
