/** A listener with SASL (PLAIN, SCRAM) over TLS, and the one user it knows. */
export interface SecureListener {
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** PKCS12, under the same password. */
  readonly keystore: Buffer;
}
