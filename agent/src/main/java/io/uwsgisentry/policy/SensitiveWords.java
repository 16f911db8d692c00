package io.uwsgisentry.policy;

/** The words that {@link SensitiveNames} knows names by. */
final class SensitiveWords {
  /** Secret, but subjects of log lines, too. */
  static final NameList SUBJECTS =
      new NameList(
          "auth",
          "oauth",
          "authentication",
          "session",
          "cookie",
          "cookies",
          "csrf",
          "xsrf",
          "bearer",
          "signature",
          "symfony");

  /** Secret as a word of a name. */
  static final NameList SECRETS =
      new NameList(
          "passphrase",
          "passcode",
          "passwort",
          "kennwort",
          "pass",
          "pw",
          "pin",
          "secret",
          "secrets",
          "token",
          "tokens",
          "authorization",
          "credential",
          "credentials",
          "creds",
          "sid",
          "jwt",
          "dsn",
          "otp",
          "totp",
          "cvv",
          "cvc",
          "sig");

  /** Secret anywhere in a name, its separators left out. */
  static final NameList SECRET_PARTS =
      new NameList(
          "password",
          "passwd",
          "passphrase",
          "passcode",
          "secret",
          "apikey",
          "authkey",
          "privatekey",
          "accesskey",
          "masterkey",
          "sessionkey",
          "sharedkey",
          "signingkey",
          "encryptionkey",
          "sshkey",
          "clientkey",
          "tlskey",
          "connectionstring",
          "samlresponse",
          "credential",
          "csrftoken",
          "xsrftoken",
          "sessionid",
          "sessid",
          "accesstoken",
          "authtoken",
          "refreshtoken",
          "idtoken");

  /** Words that end as passwords do ({@code dbpass}). */
  static final NameList NOT_PASSWORDS =
      new NameList(
          "compass", "encompass", "bypass", "overpass", "underpass", "surpass", "trespass");

  /** Whole names of headers and CGI variables. */
  static final NameList PERSONAL =
      new NameList(
          "cookie",
          "setcookie",
          "cookie2",
          "authorization",
          "proxyauthorization",
          "authuser",
          "forwarded",
          "xforwarded",
          "from",
          "xuser",
          "xlogin",
          "xemail",
          "xemailaddress",
          "xusername",
          "xsslcert",
          "ipaddress",
          "httpsdn",
          "httpscc");

  /** Personal anywhere in a name: each proxy and each cloud has its own around it. */
  static final NameList PERSONAL_PARTS =
      new NameList(
          "clientip",
          "clientaddr",
          "clientport",
          "clientcert",
          "clientdn",
          "clientprincipal",
          "sslclient",
          "connectingip",
          "realip",
          "userip",
          "useremail",
          "userlogin",
          "remoteaddr",
          "remoteip",
          "originatingip",
          "remoteuser",
          "remotehost",
          "remoteident",
          "remotename",
          "remoteport",
          "forwardedfor",
          "forwardeduser",
          "forwardedemail",
          "preferredusername",
          "authenticateduser",
          "authrequestuser",
          "authrequestemail",
          "webauthuser",
          "externaladdress",
          "oidcidentity",
          "oidcdata");

  private SensitiveWords() {}
}
