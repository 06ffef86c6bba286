/* SPDX-License-Identifier: MIT */
/*
 * Objects that come and go many times a second. Who has aimed at one keeps its handle,
 * and asks each time whether it is still there: a pointer would lie as soon as the
 * place has the next object.
 */
#include <cstdlib>
#include <iostream>
#include <random>
#include <vector>

#include <fixedpool/fixedpool.hpp>

namespace {

struct enemy {
    int health;
    float x = 0;
    float speed = 1;

    explicit enemy(int strength) : health{strength} {}
};

struct tower {
    fixedpool::handle_to<enemy> target;
};

} // namespace

int main() {
    try {
        const auto client = fixedpool::client::open_in_process();
        fixedpool::slab<enemy> enemies{client, {.name = "enemies", .blocks = 256}};
        std::vector<tower> towers(16);
        std::mt19937 random{7}; // NOLINT(cert-msc32-c,cert-msc51-cpp): the same game each time
        int shot = 0;
        int lost = 0;

        constexpr int frames = 600;
        for (int frame = 0; frame < frames; ++frame) {
            if (frame % 2 == 0)
                enemies.emplace(1 + static_cast<int>(random() % 30));
            for (auto& enemy : enemies)
                enemy.x += enemy.speed;
            for (auto& each : towers) {
                auto* target = enemies.get(each.target);
                if (target == nullptr) { // never had one, or another tower was faster
                    ++lost;
                    const auto first = enemies.begin();
                    each.target =
                        first != enemies.end() ? first.key() : fixedpool::handle_to<enemy>{};
                } else if (--target->health == 0) {
                    enemies.erase(each.target);
                    ++shot;
                }
            }
        }
        std::cout << shot << " shot, " << enemies.size() << " left, targets lost " << lost
                  << " times\n";
        return shot > 0 && shot + static_cast<int>(enemies.size()) == frames / 2 ? EXIT_SUCCESS
                                                                                 : EXIT_FAILURE;
    } catch (const fixedpool::error& refused) {
        std::cerr << "game_loop: " << refused.what() << '\n';
        return EXIT_FAILURE;
    }
}
