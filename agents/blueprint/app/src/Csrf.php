<?php

declare(strict_types=1);

namespace App;

/**
 * Proof that a form was ours: a random cookie, and in the form its signature, which another site can neither read nor make.
 */
final class Csrf
{
    public const FIELD = '_csrf';
    private const COOKIE = 'csrf';

    private readonly string $cookie;
    private readonly bool $known;

    public function __construct(private readonly string $secret, private readonly Request $request)
    {
        $cookie = $request->cookies[self::COOKIE] ?? '';
        $this->known = preg_match('/^[0-9a-f]{64}$/D', $cookie) === 1;
        $this->cookie = $this->known ? $cookie : bin2hex(random_bytes(32));
    }

    public function token(): string
    {
        return hash_hmac('sha256', $this->cookie, $this->secret);
    }

    public function accepts(Request $request): bool
    {
        $token = $request->form[self::FIELD] ?? null;

        return $this->known
            && is_string($token)
            && hash_equals($this->token(), $token)
            && in_array($request->fetchSite, ['', 'same-origin', 'none'], true);
    }

    /** @return array<string, string> what makes the browser remember the cookie */
    public function headers(): array
    {
        if ($this->known) {
            return [];
        }
        $secure = $this->request->secure ? '; Secure' : '';

        return ['Set-Cookie' => self::COOKIE . "=$this->cookie; Path=/; HttpOnly; SameSite=Lax$secure"];
    }
}
