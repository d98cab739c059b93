import { IsBoolean, IsIn, IsOptional, IsString, MinLength } from 'class-validator';

/** How the client proves who it is. */
export class MqSaslConfig {
  @IsIn(['plain', 'scram-sha-256', 'scram-sha-512'])
  mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512' = 'scram-sha-512';

  @IsString()
  @MinLength(1)
  username = '';

  @IsString()
  @MinLength(1)
  password = '';
}

/** What TLS needs beyond `true`, as PEM text. */
export class MqTlsConfig {
  @IsOptional()
  @IsString()
  ca?: string | undefined;

  @IsOptional()
  @IsString()
  cert?: string | undefined;

  @IsOptional()
  @IsString()
  key?: string | undefined;

  /** The name the server's certificate is checked against; default: the host. */
  @IsOptional()
  @IsString()
  servername?: string | undefined;

  /** Default true. */
  @IsOptional()
  @IsBoolean()
  rejectUnauthorized?: boolean | undefined;
}
