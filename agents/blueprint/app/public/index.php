<?php

declare(strict_types=1);

use App\Application;
use App\Request;

// Every request comes in here. Everything else lives outside the document root.

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'App\\')) {
        require __DIR__ . '/../src/' . substr($class, 4) . '.php';
    }
});

$root = dirname(__DIR__);
(new Application($root, require (string) getenv('APP_CONFIG')))->handle(Request::fromGlobals())->send();
