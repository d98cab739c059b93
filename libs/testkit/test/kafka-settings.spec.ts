import { describe, expect, it } from '@jest/globals';
import { containerSettings, propertiesFile } from '../src/servers/kafka-settings.js';

describe('the settings of a Kafka', () => {
  it('send clients to the advertised port, and the broker itself past it', () => {
    const place = { port: 1, peerPort: 2, innerPort: 3, advertisedPort: 4, folder: '/f' };
    const lines = propertiesFile(place).split('\n');
    expect(lines).toContain('listeners=PLAINTEXT://127.0.0.1:1,INNER://127.0.0.1:3,CONTROLLER://127.0.0.1:2');
    expect(lines).toContain('advertised.listeners=PLAINTEXT://127.0.0.1:4,INNER://127.0.0.1:3');
    expect(lines).toContain('inter.broker.listener.name=INNER');
  });

  it('hold a listener in TLS beside the others, with its users and its keystore, when there is to be one', () => {
    const secure = { port: 5, username: 'alice', password: 'secret', keystore: Buffer.alloc(0) };
    const place = { port: 1, peerPort: 2, innerPort: 3, advertisedPort: 4, folder: '/f', secure };
    const lines = propertiesFile(place).split('\n');
    expect(lines).toContain(
      'advertised.listeners=PLAINTEXT://127.0.0.1:4,INNER://127.0.0.1:3,SECURE://127.0.0.1:5',
    );
    expect(lines.find((line) => line.startsWith('listener.security.protocol.map='))).toMatch(
      /,SECURE:SASL_SSL$/,
    );
    expect(lines).toContain('listener.name.secure.ssl.keystore.location=/f/broker.p12');
  });

  it('are the same in a container, as variables of its image', () => {
    expect(containerSettings(4)).toMatchObject({
      KAFKA_NODE_ID: '1',
      KAFKA_ADVERTISED_LISTENERS: 'PLAINTEXT://127.0.0.1:4,INNER://127.0.0.1:9094',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    });
  });
});
