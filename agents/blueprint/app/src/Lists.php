<?php

declare(strict_types=1);

namespace App;

/** Lists, kept in Redis until a row changes or their time is up. */
final class Lists
{
    private const TTL_SECONDS = 60;

    public function __construct(private readonly Rows $rows, private readonly Cache $cache)
    {
    }

    /** @return array{string, bool} the list as JSON, and whether it came from Redis */
    public function read(ListQuery $query): array
    {
        // Before the query: a list that was read while somebody wrote is kept under a version that nobody asks for again.
        $version = $this->cache->version($this->versionKey());
        $key = "list:{$this->rows->resource->name}:$version:{$query->key()}";
        $kept = $version === null ? null : $this->cache->get($key);
        if ($kept !== null) {
            return [$kept, true];
        }
        $json = Response::encode($this->rows->list($query));
        if ($version !== null) {
            $this->cache->set($key, $json, self::TTL_SECONDS);
        }

        return [$json, false];
    }

    /** After a change was committed. */
    public function forget(): void
    {
        $this->cache->renew($this->versionKey());
    }

    private function versionKey(): string
    {
        return "version:{$this->rows->resource->name}";
    }
}
