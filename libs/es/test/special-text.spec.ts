import { describe } from '@jest/globals';
import { specialTextBehaviour } from './special-text.behaviour.js';

describe('user text in memory', () =>
  specialTextBehaviour(() => ({ driver: 'memory', indexPrefix: 'a-' }), 2000));
