<?php

// Redis. Every key starts with our prefix, other sites use the same server.

function redis()
{
    static $redis = null;
    if ($redis === null) {
        $c = config()['redis'];
        try {
            $redis = new Redis();
            $redis->connect($c['host'], (int)$c['port'], 1.0);
            if ($c['password'] !== '') {
                $redis->auth([$c['user'], $c['password']]);
            }
            $redis->setOption(Redis::OPT_PREFIX, $c['prefix']);
        } catch (RedisException $e) {
            // The site works without it, only slower.
            error_log('redis: ' . $e->getMessage());
            $redis = false;
        }
    }
    return $redis;
}

function cache_get($key)
{
    $r = redis();
    if (!$r) {
        return null;
    }
    $value = $r->get($key);
    return $value === false ? null : $value;
}

function cache_set($key, $value, $ttl)
{
    $r = redis();
    if ($r) {
        $r->setex($key, $ttl, $value);
    }
}

function cache_forget(...$keys)
{
    $r = redis();
    if ($r) {
        $r->del($keys);
    }
}

/** The front page shows news and events with free places: call this whenever one of them changes. */
function forget_home()
{
    cache_forget('home:ja', 'home:en');
}
