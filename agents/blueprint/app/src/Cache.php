<?php

declare(strict_types=1);

namespace App;

use Redis;
use RedisException;

/**
 * The app's keys in Redis. It never holds the only copy of anything: while Redis does not answer, nothing is found and
 * nothing is kept.
 */
final class Cache
{
    private const TIMEOUT_SECONDS = 0.5;

    private ?Redis $redis = null;
    private bool $down = false;

    /** @param array<string, mixed> $config */
    public function __construct(private readonly array $config)
    {
    }

    public function get(string $key): ?string
    {
        $value = $this->ask(fn (Redis $redis): mixed => $redis->get($this->name($key)));

        return is_string($value) ? $value : null;
    }

    public function set(string $key, string $value, int $seconds): void
    {
        $this->ask(fn (Redis $redis): mixed => $redis->set($this->name($key), $value, ['ex' => $seconds]));
    }

    /** The version under a key, which is made when there is none; null while Redis does not answer. */
    public function version(string $key): ?string
    {
        $version = $this->get($key);
        if ($version === null && !$this->down) {
            $this->ask(fn (Redis $redis): mixed => $redis->set($this->name($key), self::fresh(), ['nx']));
            $version = $this->get($key);
        }

        return $version;
    }

    /** A version that was never there before, not even if the key was lost in between. */
    public function renew(string $key): void
    {
        $this->ask(fn (Redis $redis): mixed => $redis->set($this->name($key), self::fresh()));
    }

    private static function fresh(): string
    {
        return (string) random_int(1, PHP_INT_MAX >> 1);
    }

    private function name(string $key): string
    {
        return $this->config['prefix'] . $key;
    }

    private function ask(\Closure $question): mixed
    {
        if ($this->down) {
            return null;
        }
        try {
            // phpredis tells of broken connections by notices as well as exceptions; the exception is enough.
            return @$question($this->redis ??= $this->connect());
        } catch (RedisException $error) {
            $this->down = true;
            error_log('The cache does not answer: ' . $error->getMessage());

            return null;
        }
    }

    private function connect(): Redis
    {
        $redis = new Redis();
        $redis->connect((string) $this->config['host'], (int) $this->config['port'], self::TIMEOUT_SECONDS, null, 0, self::TIMEOUT_SECONDS);
        if ((string) $this->config['password'] !== '') {
            $redis->auth([(string) $this->config['user'], (string) $this->config['password']]);
        }

        return $redis;
    }
}
