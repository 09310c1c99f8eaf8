<?php

declare(strict_types=1);

namespace App;

/** What a client gets. */
final class Response
{
    /** @param array<string, string> $headers */
    public function __construct(
        public readonly int $status,
        public readonly string $body = '',
        public readonly array $headers = [],
    ) {
    }

    /** @param array<string, string> $headers */
    public static function json(int $status, mixed $value, array $headers = []): self
    {
        return self::jsonText($status, self::encode($value), $headers);
    }

    /** @param array<string, string> $headers */
    public static function jsonText(int $status, string $json, array $headers = []): self
    {
        return new self($status, $json, $headers + ['Content-Type' => 'application/json']);
    }

    public static function encode(mixed $value): string
    {
        return json_encode($value, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
    }

    public function withoutBody(): self
    {
        return new self($this->status, '', $this->headers);
    }

    public function send(): void
    {
        http_response_code($this->status);
        header_remove('X-Powered-By');
        header('X-Content-Type-Options: nosniff');
        header('Cache-Control: no-store');
        foreach ($this->headers as $name => $value) {
            header("$name: $value");
        }
        echo $this->body;
    }
}
